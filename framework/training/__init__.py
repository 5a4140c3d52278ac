"""The training loop: written once, over what each backend gives for a step."""
