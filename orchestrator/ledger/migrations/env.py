"""How Alembic gets at the ledger: on the connection, and in the transaction, that the caller has open."""

from alembic import context

from orchestrator.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite cannot alter tables in place; batches copy them.
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
