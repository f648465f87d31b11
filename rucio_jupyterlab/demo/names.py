"""The demo's DIDs. The names are as long as those of real experiments."""

from __future__ import annotations

SCOPE = "demo26_13p6TeV"
TAPE, XROOTD = "ALPINE_TAPE", "BALTIC_XROOTD"
ALPINE, BALTIC = "ALPINE_DISK", "BALTIC_DISK"
CASPIAN = "CASPIAN_USERDISK"
"""A CS3 cloud; by its name Rucio lets users register what they put there."""

_SAMPLE = f"{SCOPE}.700323.PhPy8EG_AZNLO_Zmumu_maxHTpTV2_BFilter_ToyMonteCarlo"
_TAGS = "e8514_s4369_r16083_r15970_p6697"

ZMUMU = f"{_SAMPLE}.deriv.DAOD_TOYZMUMU.{_TAGS}"
"""The container that `demo.ipynb` stages."""
ZMUMU_DATASETS = tuple(f"{ZMUMU}_tid44561{297 + number}_00" for number in range(3))
CONDITIONS = f"{SCOPE}.00471234.calibration_PixelClusterErrors.merge.CONDITIONS_5000SMALLFILES.c1503_m2271"
BIG = f"{SCOPE}.00471234.physics_Main.merge.RAW_ONE_GIBIBYTE.f1518_m2271_lb0042._SFO-11._0001.data"
BIG_DATASET = f"{SCOPE}.00471234.physics_Main.merge.RAW_ONE_GIBIBYTE.f1518_m2271"
CORRUPT = f"{_SAMPLE}_CorruptReplicaOnAlpineDisk.deriv.DAOD_TOYZMUMU.{_TAGS}_tid44570001_00"
ON_TAPE = f"{SCOPE}.00470999.physics_Main.merge.AOD_ON_TAPE_ONLY.f1517_m2270"
ROOT_ONLY = f"{SCOPE}.00470999.physics_Main.merge.AOD_REACHABLE_BY_XROOTD_ONLY.f1517_m2270"
OPEN = f"{SCOPE}.00471300.express_express.recon.DAOD_TOYZMUMU_STILL_GROWING.x812_m2248"
ARCHIVE = f"{SCOPE}.700323.PhPy8EG_AZNLO_Zmumu_ToyMonteCarlo.evgen.LOGS.e8514_tid44560001_00.zip"
IN_ARCHIVE = (
    f"{SCOPE}.700323.PhPy8EG_AZNLO_Zmumu_ToyMonteCarlo.evgen.LOGS_IN_ZIP_ARCHIVE.e8514_tid44560001_00"
)
UNVERIFIED = f"{SCOPE}.00471234.physics_Main.merge.NTUPLE_WITHOUT_CHECKSUM.f1518_m2271_p6698"
USERS_OWN = "user.alice.zmumu.selection.v3"
