"""The folder in which data lands: its files, their kinds, and what tells that there are new ones."""
