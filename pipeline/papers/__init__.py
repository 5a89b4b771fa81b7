"""Numbers that papers print, beside those of a run: one CSV file a paper, read by `printed`."""
