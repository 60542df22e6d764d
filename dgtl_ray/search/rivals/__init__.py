"""The methods that we compare ourselves with, AutoTVM's and CHAMELEON's, and their parts."""
