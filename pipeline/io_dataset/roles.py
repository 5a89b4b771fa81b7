"""Roles of networks and of images in the input-output data set, as it stores them."""

SEEN, UNSEEN = 0, 1  # seen in training, kept for measuring
