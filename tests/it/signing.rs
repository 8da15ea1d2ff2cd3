//! The V1 signature at both ends, held against vectors that the official SDKs made.

use renewctl::cloud::sign;
use renewctl::emulator::gateway;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/signature-vectors.json")).unwrap()
}

fn parameters(vector: &Value, fields: &[&str]) -> Vec<(String, String)> {
    let of = |field: &&str| vector[*field].as_object().cloned().unwrap_or_default();
    let pairs = fields.iter().flat_map(of);
    pairs.map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect()
}

#[test]
fn every_stage_of_the_client_signs_as_the_official_sdks_do() {
    let all = vectors();
    let vectors = all["v1"].as_array().unwrap();
    assert_eq!(vectors.len(), 15);
    for vector in vectors {
        let id = &vector["id"];
        let parameters = parameters(vector, &["query_params", "body_params"]);
        let query = sign::canonical_query(&parameters);
        assert_eq!(query, vector["canonicalized_query_string"], "{id}");
        let text = sign::string_to_sign(vector["method"].as_str().unwrap(), &query);
        assert_eq!(text, vector["string_to_sign"], "{id}");
        let signature = sign::signature(&text, vector["access_key_secret"].as_str().unwrap());
        assert_eq!(signature, vector["signature"], "{id}");
        assert_eq!(sign::percent_encode(&signature), vector["signature_percent_encoded"], "{id}");
    }
}

#[test]
fn the_emulator_computes_the_same_by_its_own_code() {
    for vector in vectors()["v1"].as_array().unwrap() {
        let parameters = parameters(vector, &["query_params", "body_params"]);
        let text = gateway::string_to_sign(vector["method"].as_str().unwrap(), &parameters);
        assert_eq!(text, vector["string_to_sign"], "{}", vector["id"]);
        let signature = gateway::signature(&text, vector["access_key_secret"].as_str().unwrap()).unwrap();
        assert_eq!(signature, vector["signature"], "{}", vector["id"]);
    }
}

#[test]
fn a_whole_request_of_the_official_client_is_signed_alike() {
    let all = vectors();
    let vector =
        all["end_to_end"].as_array().unwrap().iter().find(|v| v["id"] == "e2e-v1-renew-instance").unwrap();
    let mut parameters = parameters(vector, &["query"]);
    parameters.retain(|(name, _)| name != "Signature");
    let text = sign::string_to_sign("POST", &sign::canonical_query(&parameters));
    let secret = vector["access_key_secret"].as_str().unwrap();
    assert_eq!(sign::signature(&text, secret), vector["query"]["Signature"]);
    assert_eq!(
        gateway::signature(&gateway::string_to_sign("POST", &parameters), secret).unwrap(),
        vector["query"]["Signature"]
    );
}
