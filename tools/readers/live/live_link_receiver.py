"""Receive Live Link Face with pylivelinkface: PYTHON live_link_receiver.py PORT SECONDS; a JSON line a packet."""

import json
import socket
import sys
import time

from pylivelinkface import FaceBlendShape, PyLiveLinkFace

port, seconds = int(sys.argv[1]), float(sys.argv[2])
until = time.monotonic() + seconds
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", port))
print("ready", file=sys.stderr, flush=True)
packets = []
while (left := until - time.monotonic()) > 0:
    listener.settimeout(left)
    try:
        packets.append((time.monotonic(), listener.recv(65_536)))
    except TimeoutError:
        break
for at, packet in packets:
    found, face = PyLiveLinkFace.decode(packet)
    assert found
    values = {shape.name: face.get_blendshape(shape) for shape in FaceBlendShape}
    print(json.dumps({"at": at * 1000, "name": face.name, "frame": face._frames, "fps": face.fps, "values": values}))
