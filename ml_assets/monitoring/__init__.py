"""How a model does after its promotion: are inputs and scores those it was judged on, how good is it, how good will it prove?"""
