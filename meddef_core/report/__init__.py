"""What leaves the program: JSON records that can be run again, a picture to show and a page to file."""
