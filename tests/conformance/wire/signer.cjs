// The V3 signing code of @alicloud/openapi-core behind a pipe: one request a line in, the Authorization header that
// it makes of it a line out. Which of the headers it signs is its own choice.
"use strict";

const readline = require("node:readline");
const { OpenApiUtil } = require("@alicloud/openapi-core");

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { request, algorithm, hashedBody, keyId, secret } = JSON.parse(line);
    const authorization = OpenApiUtil.getAuthorization(request, algorithm, hashedBody, keyId, secret);
    process.stdout.write(`${JSON.stringify(authorization)}\n`);
  }
})();
