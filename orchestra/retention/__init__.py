"""What is deleted when: policies that look at an age and a clock, and the sweeps that apply them."""
