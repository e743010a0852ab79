"""Does a model work at this hospital? A folder of its scans goes in; a report and a site profile come out.

`folder` finds the scans and divides them, `seeing` runs the model on them so that an interrupted run resumes, `report`
measures, `verdict` decides, `adjust` and `finetune` fit what a profile holds, and `run` puts the parts together.
"""
