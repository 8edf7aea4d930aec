"""Security events and certificate requests are kept once."""

from ocpptrio.store import security
from ocpptrio.store.driver import Store
from ocpptrio.store.records import CertificateRequestRecord, SecurityEventRecord


async def _insert(
    store: Store, charge_point_id: str, occurred_at_us: int, tech_info: str | None = None
) -> bool:
    return await store.write(
        lambda db: security.insert_event(
            db,
            charge_point_id=charge_point_id,
            type="FirmwareUpdated",
            occurred_at_us=occurred_at_us,
            received_at_us=9,
            tech_info=tech_info,
        )
    )


async def test_a_security_event_that_comes_again_is_kept_once(store: Store) -> None:
    assert await _insert(store, "CP1", 1)
    assert not await _insert(store, "CP1", 1)
    assert await _insert(store, "CP1", 1, "more")
    assert await _insert(store, "CP2", 1)
    found = await store.read(security.events_of)
    assert [record.charge_point_id for record in found] == ["CP2", "CP1", "CP1"]
    (newest,) = await store.read(lambda reader: security.events_of(reader, "CP1", limit=1))
    assert newest == SecurityEventRecord(
        security_event_id=newest.security_event_id,
        charge_point_id="CP1",
        type="FirmwareUpdated",
        occurred_at_us=1,
        received_at_us=9,
        tech_info="more",
    )


async def test_a_certificate_request_that_comes_again_has_the_same_number(store: Store) -> None:
    async def insert(csr: str) -> tuple[int, bool]:
        return await store.write(
            lambda db: security.insert_certificate_request(
                db, charge_point_id="CP1", csr=csr, received_at_us=1
            )
        )

    assert await insert("one") == (1, True)
    assert await insert("two") == (2, True)
    assert await insert("one") == (1, False)
    first, _ = await store.read(security.certificate_requests)
    assert first == CertificateRequestRecord(
        request_number=1, charge_point_id="CP1", csr="one", received_at_us=1
    )
