"""Which model serves: the decision to promote a challenger, as a value with its reasons."""
