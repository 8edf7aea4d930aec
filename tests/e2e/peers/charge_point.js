// A charge point on npm `ocpp-rpc` in strict mode: it validates all that it sends and receives.
//   node charge_point.js ENDPOINT IDENTITY
// Plays script.json, then answers commands until the connection is closed. Exit status 0 if nothing
// was refused or invalid; the last line of output is the JSON of the Actions that it answered.
const { RPCClient } = require('ocpp-rpc');
const script = require('./script.json');

const [endpoint, identity] = process.argv.slice(2);
const client = new RPCClient({
  endpoint, identity, protocols: ['ocpp1.6'], strictMode: true, reconnect: false, callTimeoutMs: 10000,
});
const answered = [];
const fail = (error) => { console.error(error); process.exit(1); };

client.on('strictValidationFailure', ({ error }) => fail(error));
client.on('badMessage', ({ error }) => fail(error));
client.handle(({ method }) => {
  answered.push(method);
  return script.answers[method];
});
client.on('close', ({ code }) => {
  console.log(JSON.stringify(answered));
  process.exit(code === 1001 ? 0 : 1);
});

(async () => {
  await client.connect();
  let transactionId;
  for (const [action, payload] of script.session) {
    const text = JSON.stringify(payload).replaceAll('"$transactionId"', String(transactionId));
    const response = await client.call(action, JSON.parse(text));
    transactionId = response.transactionId ?? transactionId;
  }
})().catch(fail);
