"""How good results are: a sync expert, faces and voices to try, and what is measured of them."""
