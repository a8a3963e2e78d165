// Verifies signed messages with a COSE library that knows nothing of this project.
// stdin: [{name, message, key}], the message in hexadecimal, the key as JWK.
// stdout: [{name, isVerified, algorithm, labels, payload}], the payload in hexadecimal.
import { createPublicKey } from "node:crypto";
import { text } from "node:stream/consumers";

import { Sign1 } from "@auth0/cose";

async function isVerified(message, key) {
  try {
    await message.verify(createPublicKey({ key, format: "jwk" }));
    return true;
  } catch (error) {
    if (error.code === "ERR_COSE_SIGNATURE_VERIFICATION_FAILED") return false;
    throw error;
  }
}

const results = [];
for (const { name, message, key } of JSON.parse(await text(process.stdin))) {
  const decoded = Sign1.decode(Buffer.from(message, "hex"));
  results.push({
    name,
    isVerified: await isVerified(decoded, key),
    algorithm: decoded.protectedHeaders.get(1),
    labels: [...decoded.protectedHeaders.keys()],
    payload: Buffer.from(decoded.payload).toString("hex"),
  });
}
console.log(JSON.stringify(results));
