"""Do the rows of today still look like those a model was trained on?"""
