"""How the networks learn: objectives, schedules, augmentation, recipes and a loop that resumes to the step."""
