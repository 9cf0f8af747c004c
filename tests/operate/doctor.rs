//! `llm-classroom doctor`: each part is broken once, and the report names it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sea_orm::{ConnectionTrait as _, Database, TransactionTrait as _};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::support::{
    eventually,
    nginx::Nginx,
    openai::{Behaviour, FakeOpenAi, Purpose, Rule, When},
    postgres,
    process::Process,
    redis::{RedisServer, lasting_port},
    soon,
};

/// What the doctor reported: each finding's code with its state, words and mend.
struct Report {
    well: bool,
    text: String,
    findings: Vec<Value>,
}

impl Report {
    fn state(&self, code: &str) -> Option<&str> {
        self.findings.iter().find(|finding| finding["code"] == code)?["state"].as_str()
    }

    fn codes(&self) -> Vec<&str> {
        self.findings.iter().filter_map(|finding| finding["code"].as_str()).collect()
    }
}

/// Runs the doctor in a folder with these settings.
async fn examine(folder: &Path, settings: &[(&str, &str)]) -> Report {
    let (status, output) = doctor(folder, &["--json", "--language", "ko"], settings).await;
    let report: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("no report: {output}"));
    assert_eq!(report["ok"], status, "the exit code says the same: {output}");
    let findings = report["findings"].as_array().unwrap().clone();
    for finding in &findings {
        let (message, mend) = (finding["said"].as_str().unwrap(), finding["mend"].as_str().unwrap());
        assert!(!message.contains("doctor.") && !message.contains("%{"), "{finding}");
        assert!(!mend.contains("doctor.") && !mend.contains("%{"), "{finding}");
        assert_eq!(mend.is_empty(), finding["state"] == "ok" || finding["state"] == "note", "{finding}");
    }
    Report { well: status, text: output, findings }
}

/// Whether it succeeded, and its output.
async fn doctor(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    command.arg("doctor").args(arguments).current_dir(folder).env_clear().envs(settings.iter().copied());
    let output = command.output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn port_of(url: &str) -> String {
    url.rsplit(':').next().unwrap().to_owned()
}

/// The server block of an nginx in front of `upstream`.
fn proxy(port: u16, upstream: &str, location: &str) -> String {
    format!(
        "pid $FOLDER/nginx.pid; error_log $FOLDER/error.log; events {{}}
        http {{ access_log off; client_body_temp_path $FOLDER/body; proxy_temp_path $FOLDER/proxy;
            fastcgi_temp_path $FOLDER/f; uwsgi_temp_path $FOLDER/u; scgi_temp_path $FOLDER/s;
            server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream}; {location} }} }} }}"
    )
}

#[tokio::test]
async fn a_program_that_is_well_is_told_so() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let base_url = openai.base_url();
    let program = Process::start(folder.path(), &[("OPENAI_BASE_URL", &base_url)]);
    let port = port_of(&program.url);
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("APP_PORT", &port), ("APP_BASE_URL", &program.url)];
    let report = examine(folder.path(), &settings).await;
    assert!(report.well, "{:?}", report.findings);
    for code in [
        "settings-ok",
        "database-ok",
        "model-ok",
        "model-notes",
        "server-ok",
        "public-ok",
        "public-streams",
        "clock-ok",
    ] {
        assert_eq!(report.state(code), Some("ok"), "{code} in {:?}", report.findings);
    }
    let (well, output) = doctor(folder.path(), &["--language", "ko"], &settings).await;
    assert!(well && output.contains("✓ 데이터베이스") && output.contains("모두 잘 되고 있어요"), "{output}");
    let disk = format!("MiB가 비어 있어요. ({}/data)", folder.path().canonicalize().unwrap().display());
    assert!(output.contains(&disk), "{output}");
    // It asks as the program does, and nothing was written into the database.
    assert_eq!(openai.requests().len(), 4, "an answer and its notes, twice");
    let notes = &openai.requests_for(Purpose::Tutor)[0].body;
    assert_eq!(notes["response_format"]["type"], "json_schema");
    assert_eq!((notes["messages"][0]["role"].as_str(), notes["stream"].as_bool()), (Some("system"), Some(true)));
    assert!(notes["messages"].to_string().chars().count() > 2000, "as long as in a lesson");
    assert_eq!(
        openai.requests()[0].body["max_tokens"]
            .as_u64()
            .or(openai.requests()[0].body["max_completion_tokens"].as_u64()),
        Some(1000)
    );
}

#[tokio::test]
async fn the_health_check_of_containers_says_by_its_exit_code_whether_the_server_lives() {
    let folder = tempfile::tempdir().unwrap();
    let program = Process::start(folder.path(), &[]);
    let port = port_of(&program.url);
    assert_eq!(doctor(folder.path(), &["--health"], &[("APP_PORT", &port)]).await, (true, String::new()));
    assert!(doctor(folder.path(), &["--health"], &[("APP_PORT", &port), ("APP_HOST", "0.0.0.0")]).await.0);
    program.kill();
    assert!(!doctor(folder.path(), &["--health"], &[("APP_PORT", &port)]).await.0);
}

#[tokio::test]
async fn settings_that_cannot_even_be_read_are_a_finding_too() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("TRUSTED_PROXIES", "1.2.3.4/99"),
        ("APP_PORT", "99999"),
        ("OPENAI_BASE_URL", "https://teacher:hush@models.example/v1"),
        ("OPENAI_BASE_URL", "sk-hush"),
        ("APP_ENV", "prod"),
        ("TLS_DOMAIN", "*.school.example"),
        ("OPENAI_API_KEY_FILE", "/no/such/file"),
        ("DATABASE_URL", "mysql://teacher:hush@db/school"),
    ] {
        let report = examine(folder.path(), &[(name, value)]).await;
        assert_eq!(report.codes(), ["settings-refused"], "{name}");
        assert!(!report.well && !report.text.contains("hush"), "{name}: {}", report.text);
    }
    fs::write(folder.path().join(".env"), "OPENAI_API_KEY=\"sk-hush\n").unwrap();
    let report = examine(folder.path(), &[]).await;
    assert_eq!(report.codes(), ["settings-refused"]);
    assert!(report.text.contains("OPENAI_API_KEY") && !report.text.contains("hush"), "{}", report.text);
}

#[tokio::test]
async fn nobody_s_silence_keeps_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let url = tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap();
    let settings = [("DATABASE_URL", url.as_str())];
    let migrated = Command::new(env!("CARGO_BIN_EXE_llm-classroom")).arg("migrate").envs(settings).output().unwrap();
    assert!(migrated.status.success());
    let database = Database::connect(&url).await.unwrap();
    let holding = database.begin().await.unwrap();
    holding.execute_unprepared("LOCK TABLE seaql_migrations IN ACCESS EXCLUSIVE MODE").await.unwrap();
    // Accepts connections and answers nothing.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let storage = [
        ("BACKUP_URL", "s3://school/backups"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_REGION", "ap-northeast-2"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let report = soon("the report", examine(folder.path(), &[&settings[..], &storage].concat())).await;
    assert_eq!(report.state("database-silent"), Some("failed"), "{}", report.text);
    assert_eq!(report.state("backup-unreachable"), Some("failed"), "{}", report.text);
}

#[tokio::test]
async fn no_password_is_shown_and_the_cause_is() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("DATABASE_URL", "postgres://teacher:hush@127.0.0.1:9/school"),
        ("REDIS_URL", "redis://:hush@127.0.0.1:9"),
        ("OPENAI_API_KEY", "sk-hush"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9"),
        ("BACKUP_URL", "s3://AKIA:hush@bucket/backups"),
    ];
    let report = examine(folder.path(), &settings).await;
    for code in ["database-unreachable", "redis-unreachable", "model-unreachable", "backup-unreachable"] {
        assert_eq!(report.state(code), Some("failed"), "{}", report.text);
    }
    assert!(!report.text.contains("hush"), "{}", report.text);
    assert!(report.text.contains("PostgreSQL에 연결할 수 없어요: error communicating"), "{}", report.text);
}

#[tokio::test]
async fn what_the_model_server_refuses_is_told_apart() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let base_url = openai.base_url();
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("MODEL_RETRIES", "0")];
    for (behaviour, code) in [
        (Behaviour::error(401, "invalid_api_key", "Incorrect API key"), "model-key"),
        (Behaviour::error(404, "model_not_found", "no such model"), "model-missing"),
        (Behaviour::error(429, "insufficient_quota", "quota"), "model-quota"),
        (Behaviour::error(429, "rate_limit_exceeded", "slow down"), "model-limited"),
        (Behaviour::status(503, "busy"), "model-unhealthy"),
        (Behaviour::status(200, "<html>hello</html>"), "model-strange"),
    ] {
        openai.queue(Purpose::Chat, behaviour);
        let report = examine(folder.path(), &settings).await;
        assert_eq!(report.state(code), Some("failed"), "{:?}", report.codes());
        assert!(!report.well);
    }
    drop(openai);
    assert_eq!(examine(folder.path(), &settings).await.state("model-unreachable"), Some("failed"));
    assert_eq!(examine(folder.path(), &[]).await.state("model-practice"), Some("note"));
}

#[tokio::test]
async fn the_server_s_own_sentence_is_shown_without_the_key() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let base_url = openai.base_url();
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("MODEL_RETRIES", "0"), ("OPENAI_API_KEY", "sk-hush")];
    for (behaviour, code) in [
        (Behaviour::error(400, "", "The moon is in the wrong phase for sk-hush"), "model-strange"),
        (Behaviour::error(401, "", "The moon is in the wrong phase for sk-hush"), "model-key"),
        (Behaviour::error(503, "busy", "The moon is in the wrong phase for sk-hush"), "model-unhealthy"),
    ] {
        openai.set(Purpose::Chat, behaviour);
        let report = examine(folder.path(), &settings).await;
        assert_eq!(report.state(code), Some("failed"), "{:?}", report.codes());
        assert!(report.text.contains("서버가 한 말: The moon is in the wrong phase for [key]"), "{}", report.text);
        assert!(!report.text.contains("sk-hush") && !report.text.contains("RUST_LOG"), "{}", report.text);
    }
    openai.set(Purpose::Chat, Behaviour::default());
    openai.set(Purpose::Tutor, Behaviour::error(413, "", "Notes are beyond me"));
    let report = examine(folder.path(), &settings).await;
    assert_eq!((report.state("model-ok"), report.state("model-notes-failed")), (Some("ok"), Some("failed")));
    assert!(report.text.contains("서버가 한 말: Notes are beyond me"), "{}", report.text);
    openai.set(Purpose::Tutor, Behaviour::text(["음"]));
    assert_eq!(examine(folder.path(), &settings).await.state("model-notes-unread"), Some("warning"));
}

#[tokio::test]
async fn what_a_model_server_takes_otherwise_is_told() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let url = openai.url();
    openai.serve_only_at("/v1", 404, "404 page not found");
    let rules = [
        Rule::unverified(),
        Rule::new(When::SystemRole, 400, "System role not supported"),
        Rule::new(When::JsonSchema, 500, "error parsing grammar"),
    ];
    for purpose in [Purpose::Chat, Purpose::Tutor] {
        openai.set(purpose, Behaviour::refusing(rules.clone()));
    }
    let report = examine(folder.path(), &[("OPENAI_BASE_URL", &url), ("MODEL_RETRIES", "0")]).await;
    for code in ["model-ok", "model-notes"] {
        assert_eq!(report.state(code), Some("ok"), "{}", report.text);
    }
    for code in ["model-other-path", "model-no-stream", "model-no-system-role", "model-json-object"] {
        assert_eq!(report.state(code), Some("note"), "{}", report.text);
    }
    assert!(report.text.contains("/v1/chat/completions"), "{}", report.text);
}

#[tokio::test]
async fn a_model_that_gives_no_answer_or_has_no_endpoint_is_named_with_the_setting_to_change() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let base_url = openai.base_url();
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("MODEL_RETRIES", "0")];
    for (behaviour, code, setting) in [
        (Behaviour { finish: Some("length".into()), ..Behaviour::text([""]) }, "model-no-answer", "ANSWER_MAX_TOKENS"),
        (Behaviour::text(["<think>끝나지 않는 생각"]), "model-no-answer", "ANSWER_MAX_TOKENS"),
        (Behaviour::status(404, "404 page not found"), "model-path", "OPENAI_BASE_URL"),
        (Behaviour::status(404, "<html><h1>404 Not Found</h1> our models</html>"), "model-path", "OPENAI_BASE_URL"),
        (Behaviour::status(405, r#"{"detail":"Method Not Allowed"}"#), "model-path", "OPENAI_BASE_URL"),
        (Behaviour::error(400, "", "API key not valid. Please pass a valid API key."), "model-key", "OPENAI_API_KEY"),
        (Behaviour::error(400, "", "Invalid model name passed in model=m"), "model-missing", "OPENAI_MODEL"),
        (Behaviour::error(400, "", "Input is too long for requested model."), "model-context-full", "4,096"),
    ] {
        openai.set(Purpose::Chat, behaviour);
        let report = examine(folder.path(), &settings).await;
        assert_eq!(report.state(code), Some("failed"), "{:?}", report.codes());
        let finding = report.findings.iter().find(|finding| finding["code"] == code).unwrap();
        assert!(finding["mend"].as_str().unwrap().contains(setting), "{finding}");
    }
}

#[tokio::test]
async fn the_window_the_slots_and_the_thinking_of_a_model_are_told() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let base_url = openai.base_url();
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("MODEL_RETRIES", "0")];
    let stated = "This model's maximum context length is 3000 tokens. However, you requested 5000 tokens.";
    openai.queue(Purpose::Tutor, Behaviour::error(400, "context_length_exceeded", stated));
    openai.set(Purpose::Tutor, Behaviour { think: Some("음".into()), ..Behaviour::default() });
    let report = examine(folder.path(), &settings).await;
    assert_eq!(report.state("model-notes"), Some("ok"), "{}", report.text);
    assert_eq!(report.state("model-window-small"), Some("warning"), "{}", report.text);
    assert_eq!(report.state("model-thinks"), Some("note"), "{}", report.text);
    assert!(report.text.contains("3000"), "{}", report.text);
    openai.set(Purpose::Tutor, Behaviour::default());
    let report = examine(folder.path(), &settings).await;
    assert_eq!((report.state("model-thinks"), report.state("model-window-small")), (None, None), "{}", report.text);
}

#[tokio::test]
async fn a_damaged_database_is_found_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(examine(folder.path(), &[]).await.state("database-missing"), Some("note"));
    assert!(!folder.path().join("data").exists(), "looking makes nothing");

    let program = Process::start(folder.path(), &[]);
    program.terminate();
    assert!(program.ended().await.success());
    let file = folder.path().join("data/llm-classroom.db");
    let mut bytes = fs::read(&file).unwrap();
    for byte in bytes.iter_mut().skip(4096).step_by(7) {
        *byte ^= 0x5a;
    }
    fs::write(&file, &bytes).unwrap();
    let report = examine(folder.path(), &[]).await;
    assert!(
        report.state("database-damaged").or(report.state("database-unreadable")) == Some("failed"),
        "{:?}",
        report.findings
    );
    assert!(fs::read(&file).unwrap() == bytes);

    fs::write(&file, "not a database at all, only some words").unwrap();
    assert_eq!(examine(folder.path(), &[]).await.state("database-unreadable"), Some("failed"));
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = Process::start(folder.path(), &[]);
    program.terminate();
    assert!(program.ended().await.success());
    // Another user than the tests', who may be root: a copy of the program that everybody may run.
    let copy = copy_for_everybody(folder.path());
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy).args(["doctor", "--json"]);
    let output = command.current_dir(folder.path()).env_clear().output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert!(codes.iter().any(|code| **code == "database-read-only" || **code == "database-unreadable"), "{codes:?}");
}

fn copy_for_everybody(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let copy = folder.join("program");
    fs::copy(env!("CARGO_BIN_EXE_llm-classroom"), &copy).unwrap();
    for path in [folder, &folder.join("data"), &copy] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    copy
}

#[tokio::test]
async fn servers_that_are_away_or_set_wrong_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let database_url = tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap();
    let redis = tokio::task::spawn_blocking(RedisServer::start).await.unwrap();
    let redis_url = redis.url();
    let settings = [("DATABASE_URL", database_url.as_str()), ("REDIS_URL", &redis_url)];
    let report = examine(folder.path(), &settings).await;
    assert_eq!(report.state("database-empty"), Some("note"), "{:?}", report.findings);
    assert_eq!((report.state("redis-ok"), report.state("clock-ok")), (Some("ok"), Some("ok")));

    let mut set = Command::new("redis-cli");
    set.args(["-p", &port_of(&redis_url)]);
    assert!(set.args(["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).output().unwrap().status.success());
    assert_eq!(examine(folder.path(), &settings).await.state("redis-evicts"), Some("warning"));
    drop(redis);
    let unreachable = format!("postgres://u:secret-word@127.0.0.1:{}/d", lasting_port());
    let report = examine(folder.path(), &[("DATABASE_URL", &unreachable), ("REDIS_URL", &redis_url)]).await;
    assert_eq!(report.state("redis-unreachable"), Some("failed"));
    assert_eq!(report.state("database-unreachable"), Some("failed"));
    assert!(!format!("{:?}", report.findings).contains("secret-word"));
}

#[tokio::test]
async fn a_proxy_that_holds_streams_back_or_doubles_headers_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let program = Process::start(folder.path(), &[]);
    let port = lasting_port();
    let base = format!("http://127.0.0.1:{port}");
    // As in the first version's guide: CORS in the proxy too, and nothing output about streams.
    let location = "proxy_ignore_headers X-Accel-Buffering; proxy_buffering on; proxy_buffers 8 64k;
        gzip on; gzip_types text/event-stream; gzip_proxied any;
        add_header X-Frame-Options SAMEORIGIN always; add_header 'Access-Control-Allow-Origin' '*' always;";
    let nginx = Nginx::start(folder.path(), &proxy(port, &program.url, location));
    eventually("nginx", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
    let own_port = port_of(&program.url);
    let settings = [("APP_BASE_URL", base.as_str()), ("APP_PORT", &own_port), ("RATE_LIMIT", "off")];
    let report = examine(folder.path(), &settings).await;
    assert_eq!(report.state("public-header-twice"), Some("warning"), "{:?}", report.codes());
    assert_eq!(report.state("public-cors"), Some("warning"));
    assert_eq!(report.state("public-buffered"), Some("failed"), "{:?}", report.codes());

    program.kill();
    let report = examine(folder.path(), &settings).await;
    assert_eq!(report.state("public-bad-gateway"), Some("failed"), "{:?}", report.codes());
    assert_eq!(report.state("server-down"), Some("failed"));
    drop(nginx);
    let report = examine(folder.path(), &settings).await;
    assert_eq!(report.state("public-unreachable"), Some("failed"), "{:?}", report.codes());
}

#[tokio::test]
async fn settings_that_cannot_work_or_will_hurt_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let report = examine(folder.path(), &[("DATABASE_URL", "mysql://x")]).await;
    assert_eq!(report.codes(), ["settings-refused"]);
    let secret = folder.path().join("key");
    fs::write(&secret, "sk-test").unwrap();
    let public = [
        ("APP_BASE_URL", "https://class.invalid"),
        ("RATE_LIMIT", "off"),
        ("OPENAI_API_KEY_FILE", secret.to_str().unwrap()),
        ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"),
    ];
    let report = examine(folder.path(), &public).await;
    for code in [
        "settings-development",
        "settings-proxy",
        "settings-limits-off",
        "settings-secret-open",
        "settings-stateless-open",
        "settings-no-budget",
        "settings-no-stateless-budget",
    ] {
        assert_eq!(report.state(code), Some("warning"), "{code} in {:?}", report.codes());
    }
    let safe = [("APP_ENV", "production"), ("DAILY_TOKEN_BUDGET", "1000000")];
    let report = examine(folder.path(), &[&public[..], &safe].concat()).await;
    for code in ["settings-stateless-open", "settings-no-budget", "settings-no-stateless-budget"] {
        assert_eq!(report.state(code), None, "{code} in {:?}", report.codes());
    }
    assert_eq!(report.state("public-name"), Some("failed"), "{:?}", report.findings);
}

#[test]
fn every_finding_is_explained_in_the_guide_and_has_its_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/ko/operations.md")).unwrap();
    let words = fs::read_to_string(root.join("locales/doctor.ko.yml")).unwrap();
    let mut codes = Vec::new();
    for file in fs::read_dir(root.join("src/doctor")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let quoted = text.split('"').skip(1).step_by(2).filter(|word| is_code(word)).map(str::to_owned);
        codes.extend(quoted);
    }
    assert!(codes.len() > 50, "{codes:?}");
    for code in codes {
        assert!(words.contains(&format!("\n  {code}:\n")), "{code} has no words");
        let needs_explaining = words.split(&format!("\n  {code}:\n")).nth(1).unwrap().lines().nth(1);
        if needs_explaining.is_some_and(|line| line.trim_start().starts_with("mend:")) {
            assert!(guide.contains(&format!("`{code}`")), "{code} isn't in the guide");
        }
    }
}

fn is_code(word: &str) -> bool {
    let subjects =
        ["settings-", "database-", "disk-", "memory-", "clock-", "redis-", "model-", "backup-", "server-", "public-"];
    subjects.iter().any(|subject| word.starts_with(subject))
        && word.bytes().all(|b| b == b'-' || b.is_ascii_lowercase())
}
