"""Child networks: networks of sampled cells, trained here, in chunks that survive being killed."""
