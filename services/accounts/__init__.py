"""
Accounts owns companies and the people in them: who they are, how they sign in and stay
signed in, what their role allows, which legal documents are in force and who agreed to
which version.

It does not own the workers whom a company manages (workers), what it pays (billing) or
which mail a person wants (notifications). It never sends mail: it says that a mail is
wanted, and notifications asks back for address and link at the moment of hand-over.
"""
