//! The signatures at both ends, held against vectors that the official SDKs made.

use renewctl::cloud::sign::{self, v3};
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
        let text = sign::v1::string_to_sign(vector["method"].as_str().unwrap(), &query);
        assert_eq!(text, vector["string_to_sign"], "{id}");
        let signature = sign::v1::signature(&text, vector["access_key_secret"].as_str().unwrap());
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
    let text = sign::v1::string_to_sign("POST", &sign::canonical_query(&parameters));
    let secret = vector["access_key_secret"].as_str().unwrap();
    assert_eq!(sign::v1::signature(&text, secret), vector["query"]["Signature"]);
    assert_eq!(
        gateway::signature(&gateway::string_to_sign("POST", &parameters), secret).unwrap(),
        vector["query"]["Signature"]
    );
}

#[test]
fn every_stage_of_the_client_signs_v3_as_the_official_sdks_do() {
    let all = vectors();
    let vectors = all["v3"].as_array().unwrap();
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let id = &vector["id"];
        let text = |field: &str| vector[field].as_str().unwrap();
        let query = sign::canonical_query(&parameters(vector, &["query_params"]));
        assert_eq!(query, vector["canonical_query_string"], "{id}");
        let mut headers = parameters(vector, &["headers"]);
        for (name, _) in &mut headers {
            *name = name.to_lowercase();
        }
        headers.sort();
        let signed: Vec<&str> = text("signed_headers").split(';').collect();
        headers.retain(|(name, _)| signed.contains(&name.as_str()));
        let request = v3::canonical_request(text("method"), &query, &headers, text("hashed_payload"));
        assert_eq!(request, vector["canonical_request"], "{id}");
        let string = v3::string_to_sign(&request);
        assert_eq!(string, vector["string_to_sign"], "{id}");
        let signature = v3::signature(&string, text("access_key_secret"));
        assert_eq!(signature, vector["signature"], "{id}");
        let header = v3::authorization(text("access_key_id"), &headers, &signature);
        assert_eq!(header, vector["authorization"], "{id}");
        if vector["body"].is_string() {
            assert_eq!(v3::hash(text("body").as_bytes()), vector["hashed_payload"], "{id}");
        }
    }
}
