"""Knowledge from one task to another: deep Gaussian processes, pre-trained and then tuned."""
