"""What trained networks output for images: the input-output data set of info-NAS."""
