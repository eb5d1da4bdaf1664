"""The one training loop: objectives, optimizers, schedules."""
