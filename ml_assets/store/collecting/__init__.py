"""How content that nobody needs goes: to the trash, and later for good."""
