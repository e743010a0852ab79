"""What the networks learn from: tasks, patient-disjoint lists, and images ready to train on."""
