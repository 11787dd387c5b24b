"""A page that plays lips, sound and posteriors."""
