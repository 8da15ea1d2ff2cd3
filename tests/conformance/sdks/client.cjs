// @alicloud/ecs20140526 behind a pipe: one call a line in, what the SDK made of its answer a line out.
"use strict";

const readline = require("node:readline");
const { default: Client, ...models } = require("@alicloud/ecs20140526");
const { $OpenApiUtil } = require("@alicloud/openapi-core");
const $dara = require("@darabonba/typescript");

const TIMEOUT_MS = 15000;

// The SDK's models name fields in camel case and know the names of the API.
function model(type, parameters) {
  const fields = {};
  const types = type.types();
  for (const [field, name] of Object.entries(type.names())) {
    if (!(name in parameters)) continue;
    const value = parameters[name];
    fields[field] = Array.isArray(value) ? value.map((item) => model(types[field].itemType, item)) : value;
  }
  return new type(fields);
}

async function call({ host, algorithm, action, parameters, key, stamp }) {
  const config = new $OpenApiUtil.Config({
    accessKeyId: key.id,
    accessKeySecret: key.secret,
    securityToken: key.token ?? undefined,
    regionId: parameters.RegionId ?? "cn-beijing",
    endpoint: host,
    protocol: "http",
    signatureAlgorithm: algorithm ?? undefined,
  });
  const runtime = new $dara.RuntimeOptions({
    autoretry: false,
    connectTimeout: 5000,
    readTimeout: TIMEOUT_MS,
    extendsParameters: new $dara.ExtendsParameters(stamp),
  });
  const request = model(models[`${action}Request`], parameters);
  const method = `${action[0].toLowerCase()}${action.slice(1)}WithOptions`;
  try {
    const response = await new Client(config)[method](request, runtime);
    const body = response.body.toMap();
    return { status: response.statusCode, request_id: body.RequestId, body };
  } catch (error) {
    return {
      status: error.statusCode ?? null,
      code: error.statusCode === undefined ? null : error.code,
      message: error.message,
      request_id: error.requestId ?? null,
      exception: error.name,
      retry_after_ms: error.retryAfter ?? null,
    };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await call(JSON.parse(line)))}\n`);
  }
})();
