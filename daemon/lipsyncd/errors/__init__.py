"""Every failure a client or an operator may see, by who has to act.

    base      what each is: a name on the wire, an exit code, and two sentences
    request   what was asked has to change, or to come later
    input     another face or voice may render
    host      the machine, its files or its configuration has to change

A new one is a class in one of these files, and a row of PROTOCOL.md.
"""

from lipsyncd.errors.base import LipsyncError as LipsyncError
from lipsyncd.errors.host import *
from lipsyncd.errors.input import *
from lipsyncd.errors.request import *
