"""What tests share, by what it is; the tests themselves are beside this package."""
