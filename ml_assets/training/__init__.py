"""What happens to rows before and while a model is made: splits, fitting, and what a trained model is."""
