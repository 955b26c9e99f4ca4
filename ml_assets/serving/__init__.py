"""Champions over HTTP: `ml-assets serve`. Each answer names the version that gave it.

    body ──bodies, open_inference──▶ columns ──columns──▶ features ──loaded──▶ answer
           raw rows ──raw: the problem's own features(), with the stored history──▶ features

A move of the champion is seen by ``line``, which loads the new model beside the old one and lets ``trial`` try it on the rows
of its evaluation; only then it answers. Nothing is written unless answers are recorded, see ``recording``. See docs/SERVING.md.
"""
