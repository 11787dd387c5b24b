"""The networks: audio encoder, text encoder, bottleneck, lip decoder."""
