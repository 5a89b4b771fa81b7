"""The named parts of an input-output data set: seen and unseen networks, seen and unseen images."""

from __future__ import annotations

import numpy as np

from pipeline.io_dataset.roles import SEEN, UNSEEN

SUBSETS = {  # name -> (network role, image role)
    "train": (SEEN, SEEN),
    "unseen_networks": (UNSEEN, SEEN),
    "unseen_images": (SEEN, UNSEEN),
    "unseen_both": (UNSEEN, UNSEEN),
}
VALID_SHARE = 10  # one in so many training networks validates on unseen images in the thesis
THESIS_SETS = {  # rows of the thesis' table 3.4, in its order: labelled networks x images -> name here
    "train networks, validation images": "train",
    "validation networks, validation images": "unseen_networks",
    "0.1 of the train networks, test_2k": "unseen_images_valid",
    "0.9 of the train networks, test_2k": "unseen_images_test",
    "validation networks, test_2k": "unseen_both",
}


def subset_rows(name: str, network_role, image_role) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows of networks, rows of images) of a named part of the data set.

    `SUBSETS`: "train", "unseen_networks", "unseen_images", "unseen_both". The thesis divides the third
    once more (table 3.4): "unseen_images_valid", the first tenth of the training networks (rounded up: 61
    of 608), and "unseen_images_test", the others. Raises ValueError for another name.
    """
    base = name.removesuffix("_valid").removesuffix("_test")
    if base not in SUBSETS or (base != name and base != "unseen_images"):
        raise ValueError(
            f"no subset {name!r}; expected one of {', '.join(SUBSETS)}, unseen_images_valid or _test"
        )
    network, image = SUBSETS[base]
    networks, images = np.flatnonzero(network_role == network), np.flatnonzero(image_role == image)
    tenth = -(-len(networks) // VALID_SHARE)
    part = slice(0, tenth) if name.endswith("_valid") else slice(tenth if name.endswith("_test") else 0, None)
    return networks[part], images
