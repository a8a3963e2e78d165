"""Reads an item of the catalogue: first_call.py ADDRESS CA CERTIFICATE KEY REGION ITEM."""

import datetime as dt
import sys
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from yibao.common.v1 import date_pb2
from yibao.settlement.v1 import catalogue_service_pb2, catalogue_service_pb2_grpc

address, ca, certificate, key, region, item = sys.argv[1:]
tls = grpc.ssl_channel_credentials(
    Path(ca).read_bytes(), Path(key).read_bytes(), Path(certificate).read_bytes()
)
today = dt.datetime.now(dt.timezone(dt.timedelta(hours=8)))
request = catalogue_service_pb2.GetCatalogueItemRequest(
    region=region,
    item_code=item,
    date=date_pb2.Date(year=today.year, month=today.month, day=today.day),
)
with grpc.secure_channel(address, tls) as channel:
    stub = catalogue_service_pb2_grpc.CatalogueServiceStub(channel)
    try:
        print(stub.GetCatalogueItem(request, timeout=10).item.item_name)
    except grpc.RpcError as failure:
        print(failure.code().name)
        status = rpc_status.from_call(failure)
        for detail in status.details if status else ():
            for kind, field in (("ErrorInfo", "reason"), ("LocalizedMessage", "message")):
                told = getattr(error_details_pb2, kind)()
                if detail.Unpack(told):
                    print(getattr(told, field))
