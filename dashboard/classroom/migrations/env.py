"""Run by alembic: `database.Database` hands it a connection within a transaction.

For a new migration: `alembic.command.revision(config, autogenerate=True)` with such a configuration.
"""

from alembic import context

from dashboard.classroom.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
