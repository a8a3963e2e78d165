// A hospital's day, from the scan to the close:
// hospital_day.js ADDRESS CA CERTIFICATE KEY ADMISSION_CODE PAYMENT_CODE.
//
// Each request id is made before the first attempt; a real system stores it then, with what it asks.
const fs = require('fs');
const { randomUUID } = require('crypto');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, ca, certificate, key, admissionCode, paymentCode] = process.argv.slice(2);
const files = ['credential', 'visit', 'charge', 'settlement', 'refund', 'clearing'];
const definition = loader.loadSync(files.map((name) => `yibao/settlement/v1/${name}_service.proto`), {
  includeDirs: ['protos'], keepCase: true, longs: String, enums: String, defaults: true,
});
const services = grpc.loadPackageDefinition(definition).yibao.settlement.v1;
const security = grpc.credentials.createSsl(
  fs.readFileSync(ca), fs.readFileSync(key), fs.readFileSync(certificate));
const clients = Object.fromEntries(files.map((name) => {
  const service = `${name[0].toUpperCase()}${name.slice(1)}Service`;
  return [name, new services[service](address, security)];
}));

/** Calls a method of a service; answers are promised. */
function call(service, method, request) {
  return new Promise((resolve, reject) => {
    clients[service][method](request, { deadline: Date.now() + 10000 }, (failure, answer) => {
      if (failure) reject(failure);
      else resolve(answer);
    });
  });
}

function now() {
  const milliseconds = Date.now();
  return { seconds: Math.floor(milliseconds / 1000), nanos: (milliseconds % 1000) * 1000000 };
}

function today() {
  const day = new Date(Date.now() + 8 * 60 * 60 * 1000); // the day in Asia/Shanghai
  return { year: day.getUTCFullYear(), month: day.getUTCMonth() + 1, day: day.getUTCDate() };
}

function line(number, itemCode, unitPrice, quantity, amountFen) {
  return {
    line_number: number, line_id: `L${number}`, item_code: itemCode, unit_price: unitPrice, quantity,
    amount_fen: amountFen, charge_date: today(),
  };
}

/** Scans a code for a purpose; returns who showed it, with a token that stands for the code. */
function scan(qrText, audience) {
  return call('credential', 'ResolveCredential', {
    request_id: randomUUID(), audience,
    presentation: { qr_text: qrText, scan_time: now(), terminal_id: 'T1' },
  });
}

async function day() {
  const person = await scan(admissionCode, '01103');
  const { region } = person; // the code tells it, nobody else
  console.log('patient', person.person_name_masked);

  const visitNumber = `ZY-${Date.now()}`; // your own number of the visit
  const { visit } = await call('visit', 'RegisterVisit', {
    request_id: randomUUID(), region, provider_visit_number: visitNumber, care_type: '2101',
    presentation: { credential_token: person.credential_token, terminal_id: 'T1' },
    start_date: today(),
    diagnoses: [{ diagnosis_code: 'I10.x00', diagnosis_name: '高血压', is_main: true }],
  });
  console.log('registered', visit.state);

  const uploaded = await call('charge', 'UploadLines', {
    request_id: randomUUID(), region, visit_id: visit.visit_id, charge_batch_id: 'D1',
    lines: [
      line(1, 'A1', '100.00', '90', 900000),
      line(2, 'B1', '100.00', '10', 100000),
      line(3, 'C1', '50.00', '10', 50000),
    ],
  });
  console.log('uploaded', uploaded.results.length);

  const bill = {
    visit_id: visit.visit_id, bill_number: '1', service_date: today(), total_fen: 1050000,
    uploaded: { charge_batch_id: 'D1' }, account_use: 'ACCOUNT_USE_NONE',
  };
  const tried = (await call('settlement', 'TrialBill', { region, bill })).settlement;
  console.log('trial', tried.fund_total_fen, tried.account_fen, tried.cash_fen);

  const payer = await scan(paymentCode, '01301');
  const requestId = randomUUID();
  await call('settlement', 'SettleBill', {
    request_id: requestId, region, bill,
    presentation: { credential_token: payer.credential_token, terminal_id: 'T1' },
    // What the patient was shown: any other sum is refused.
    expected: {
      fund_total_fen: tried.fund_total_fen, account_fen: tried.account_fen, cash_fen: tried.cash_fen,
    },
  });
  // Where that answer does not come, the request id tells what became of it.
  const { outcome } = await call('settlement', 'ResolveRequest', {
    request_id: randomUUID(), region, asked_request_id: requestId,
  });
  console.log('outcome', outcome.state);
  const { settlement } = await call('settlement', 'GetSettlement', {
    region, provider_visit_number: visitNumber, bill_number: '1',
  });
  console.log('found', settlement.settlement_id === outcome.settlement_id, settlement.cash_fen);

  const refunded = await call('refund', 'RefundSettlement', {
    request_id: randomUUID(), region, settlement_id: settlement.settlement_id, reason: '退药',
    lines: [{ line_number: 2, quantity: '5' }],
  });
  console.log('returned', refunded.refund.amounts.fund_total_fen, refunded.refund.amounts.cash_fen);

  let page = { settlements: [], next_page_token: '' };
  let listed = 0;
  do {
    page = await call('settlement', 'ListSettlements', {
      region, settle_start_date: today(), settle_end_date: today(), page_size: 100,
      page_token: page.next_page_token,
    });
    listed += page.settlements.filter((each) => each.visit_id === visit.visit_id).length;
  } while (page.next_page_token !== '');
  console.log('listed', listed);

  const { total } = await call('clearing', 'GetDayTotals', { region, act_date: today() });
  console.log('day', total.settled_count, total.refunded_count, total.total_fen);
}

day()
  .catch((failure) => {
    console.error(grpc.status[failure.code], failure.details);
    process.exitCode = 1;
  })
  .finally(() => Object.values(clients).forEach((client) => client.close()));
