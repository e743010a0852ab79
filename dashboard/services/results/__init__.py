"""What services return and pages draw: plain, frozen values."""
