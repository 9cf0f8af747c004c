//! Redis behind TLS and a password, and a PostgreSQL without Redis.

use tempfile::TempDir;

use crate::{
    support::{eventually, postgres::fresh_database, process::Process, redis::RedisServer},
    world::lock_scenario,
};

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_reached_over_tls_with_a_password_and_only_with_the_right_certificate() {
    let _turn = lock_scenario().await;
    let (redis, database) =
        tokio::task::spawn_blocking(|| (RedisServer::with_password_and_tls(), fresh_database())).await.unwrap();
    let folder = TempDir::new().unwrap();
    let (url, ca) = (redis.url(), redis.ca_file());
    let settings = [("DATABASE_URL", database.as_str()), ("REDIS_URL", &url), ("SSL_CERT_FILE", ca.to_str().unwrap())];
    let trusting = Process::start(folder.path(), &settings);
    assert!(!trusting.banner.contains("secret-word"), "{}", trusting.banner);
    eventually("Redis over TLS", async || {
        (trusting.student().get("/ready").await.json()["bus"] == "redis").then_some(())
    })
    .await;
    let wary = Process::start(folder.path(), &settings[..2]);
    assert_eq!(wary.student().get("/ready").await.expect(200).json()["bus"], "redis-away");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("certificate") && log.contains("REDIS_URL") && !log.contains("secret-word"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_one_instance_serves_a_postgresql_and_a_second_one_is_told() {
    let _turn = lock_scenario().await;
    let database = tokio::task::spawn_blocking(fresh_database).await.unwrap();
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), &[("DATABASE_URL", &database)]);
    assert!(first.banner.contains("this one only"), "{}", first.banner);
    assert_eq!(first.student().get("/ready").await.expect(200).json()["instances"], "one");
    let second = tokio::process::Command::new(env!("CARGO_BIN_EXE_llm-classroom"))
        .env_clear()
        .envs([("APP_PORT", "0"), ("DATABASE_URL", &database)])
        .output();
    let second = crate::support::soon("the second one's refusal", second).await.unwrap();
    let stderr = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && stderr.contains("REDIS_URL"), "{stderr}");
    assert!(!stderr.contains("secret-word"), "{stderr}");

    // After a sudden end, the next one waits for the lease to run out, and serves.
    first.kill();
    let next = Process::start(folder.path(), &[("DATABASE_URL", &database)]);
    assert_eq!(next.student().get("/ready").await.expect(200).json()["status"], "ready");
}
