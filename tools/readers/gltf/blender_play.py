"""Play a glTF file in Blender, and a Live Link Face recording through an add-on; compare both with what went in.

    blender -b --python blender_play.py -- lips.glb lips.json
    blender -b --python blender_play.py -- arkit.glb lips.json arkit.csv ADDONS

lips.json: {"fps": 25, "lips": [[[x, y], ... 40], ...], "samples": 28}, as check.py writes it. ADDONS is a folder with
the add-on blender_livelinkface (github.com/nmfisher/blender_livelinkface) as `livelinkface`. Runs inside Blender, whose
z is up: (x, y, z) of the file are (x, z, -y) there.
"""

import csv
import json
import sys
from fractions import Fraction

import bpy

file, lips_file, *recording = sys.argv[sys.argv.index("--") + 1 :]
with open(lips_file) as opened:
    given = json.load(opened)
lips, ring = given["lips"], 2 * given["samples"]
rate = Fraction(given["fps"]).limit_denominator(1001)
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps, scene.render.fps_base = -(-rate.numerator // rate.denominator), 1.0
scene.render.fps_base = float(scene.render.fps / rate)
bpy.ops.import_scene.gltf(filepath=file)
mouth = bpy.data.objects["lips"]
keys = mouth.data.shape_keys.key_blocks
print("shape keys:", ", ".join(key.name for key in keys))

# The corners of the mouth are mesh points of their own: on the outer ring points 0 and 10, on the inner 20 and 30.
followed = {0: 0, given["samples"]: 10, 8 * ring: 20, 8 * ring + given["samples"]: 30}
largest = 0.0
offset = scene.render.fps / scene.render.fps_base * 0.5 / given["fps"]
for frame, points in enumerate(lips):
    scene.frame_set(int(frame + offset), subframe=(frame + offset) % 1)
    moved = mouth.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices
    for vertex, point in followed.items():
        place = moved[vertex].co
        largest = max(largest, abs(place.x - points[point][0]), abs(place.z - points[point][1]))
print(f"corners of the mouth in {len(lips)} frames: at most {largest:.4f} from the lips")

if recording:
    sys.path.insert(0, recording[1])
    from livelinkface.bpylivelinkface import LiveLinkTarget

    LiveLinkTarget.from_csv([mouth], recording[0])
    with open(recording[0], newline="") as opened:
        rows = list(csv.DictReader(opened))
    curves = {curve.data_path: curve for curve in mouth.data.shape_keys.animation_data.action.fcurves}
    worst, compared = 0.0, 0
    for key in list(keys)[1:]:
        curve = curves[f'key_blocks["{key.name}"].value']
        column = key.name[0].upper() + key.name[1:]
        for number, row in enumerate(rows[:-1]):  # the add-on leaves out the last row, and counts from 1
            worst = max(worst, abs(curve.evaluate(number + 1) - float(row[column])))
            compared += 1
    print(f"Live Link recording: {len(rows)} rows, {compared} keys, at most {worst:.6f} from the file")
