// Reads an item of the catalogue: first_call.js ADDRESS CA CERTIFICATE KEY REGION ITEM.
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

// What is read here of google/rpc/status.proto and google/rpc/error_details.proto.
const google = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message LocalizedMessage { string locale = 1; string message = 2; }
`).root;

const [address, ca, certificate, key, region, item] = process.argv.slice(2);
const definition = loader.loadSync('yibao/settlement/v1/catalogue_service.proto', {
  includeDirs: ['protos'], keepCase: true, longs: String, enums: String, oneofs: true,
});
const { CatalogueService } = grpc.loadPackageDefinition(definition).yibao.settlement.v1;
const client = new CatalogueService(address, grpc.credentials.createSsl(
  fs.readFileSync(ca), fs.readFileSync(key), fs.readFileSync(certificate)));
const today = new Date(Date.now() + 8 * 60 * 60 * 1000); // the day in Asia/Shanghai
const request = {
  region,
  item_code: item,
  date: {
    year: today.getUTCFullYear(), month: today.getUTCMonth() + 1, day: today.getUTCDate(),
  },
};
client.GetCatalogueItem(request, { deadline: Date.now() + 10000 }, (failure, answer) => {
  client.close();
  if (!failure) {
    console.log(answer.item.item_name);
    return;
  }
  console.log(grpc.status[failure.code]);
  const [packed] = failure.metadata.get('grpc-status-details-bin');
  if (packed === undefined) return; // Not refused by a service: no connection, say.
  for (const detail of google.lookupType('Status').decode(packed).details) {
    const kind = detail.typeUrl.split('.').pop();
    if (kind === 'ErrorInfo') console.log(google.lookupType(kind).decode(detail.value).reason);
    if (kind === 'LocalizedMessage') {
      console.log(google.lookupType(kind).decode(detail.value).message);
    }
  }
});
