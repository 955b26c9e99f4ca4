"""How much will a kiosk sell today? A problem as a folder, to be copied, edited and run again: see test_mutations.py."""
