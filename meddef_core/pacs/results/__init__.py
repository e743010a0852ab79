"""What a prediction becomes in the PACS: a structured report and a picture of it, in the study of its source."""
