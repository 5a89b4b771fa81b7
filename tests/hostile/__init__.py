"""Files that are made to do harm, and what becomes of them: one line, in bounded time and memory."""
