"""What was answered, kept as data: `ml-assets serve --record FOLDER`.

    answer ──rows──▶ a frame of bytes ──spool──▶ a file on the disk, then the answer goes out and says that it is recorded
                                                     └─ publishing, in a thread ──▶ a table and an entry of PROBLEM/answers

Whoever was told ``X-Recorded`` is in the store exactly once, also if the process is killed at any moment: frames are in the
file by then, files of a process that is gone are taken up by another one, and a batch that was entered is not entered again.
"""
