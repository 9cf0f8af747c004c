//! Traces to an OpenTelemetry collector: the request, its turn, both calls on the model, the commit.
//!
//! Each span of the program becomes a span of a trace, with its warnings and errors. Every trace begins in the program:
//! a `traceparent` header is ignored, because proxies forward the one that any browser sends.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tracing::{Level, Metadata};
use tracing_subscriber::Layer as _;

use super::{BoxedLayer, NO_TRACE, filter, is_own, is_own_span};
use crate::{
    config::{AppEnv, TelemetryConfig, is_https},
    host_name::host_name,
};
use logging::STUDENT_TEXT;

/// How long one export may take. It runs in the background.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// A collector.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// The collector of the settings, if there is one.
    ///
    /// # Errors
    /// When the address can't be read, or when there are no root certificates for `https`.
    pub(super) fn new(config: &TelemetryConfig) -> anyhow::Result<Option<Self>> {
        let Some(url) = config.traces_url()? else { return Ok(None) };
        let mut http = reqwest::blocking::Client::builder().timeout(SEND_TIMEOUT);
        if !is_https(&url) {
            // Skips loading root certificates, which a small image may not have.
            http = http.no_proxy().tls_certs_only([]);
        }
        let http = http.build().context(
            "OTEL_EXPORTER_OTLP_ENDPOINT can't be used; for an https address the machine needs root certificates \
             (ca-certificates)",
        )?;
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_http_client(http)
            .with_timeout(SEND_TIMEOUT)
            .with_endpoint(&url)
            .build()
            .context("OTEL_EXPORTER_OTLP_ENDPOINT can't be used; it's an address such as http://127.0.0.1:4318")?;
        // The SDK reads further settings, such as the sampler, from the environment by their standard names.
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(config))
            .with_batch_exporter(Watched { exporter, is_failing: AtomicBool::new(false) })
            .build();
        Ok(Some(Self(provider)))
    }

    /// Sends the program's spans to the collector.
    pub(super) fn layer(&self) -> BoxedLayer {
        let wanted = |metadata: &Metadata<'_>| {
            if metadata.is_span() {
                is_own_span(metadata) && metadata.target() != NO_TRACE
            } else {
                is_own(metadata) && *metadata.level() <= Level::WARN && metadata.target() != STUDENT_TEXT
            }
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("llm-classroom"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter(wanted))
            .boxed()
    }

    /// Sends the remaining spans, for at most this long.
    pub(super) fn flush(&self, timeout: Duration) {
        // A collector that doesn't answer has been logged already.
        let _ = self.0.shutdown_with_timeout(timeout);
    }
}

/// The resource that identifies this program in traces.
fn resource(config: &TelemetryConfig) -> Resource {
    let environment = match config.app_env {
        AppEnv::Development => "development",
        AppEnv::Production => "production",
    };
    let mut attributes = vec![
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        // The present name and the one many backends still ask for.
        KeyValue::new("deployment.environment.name", environment),
        KeyValue::new("deployment.environment", environment),
    ];
    attributes.extend(Some(host_name()).filter(|name| !name.is_empty()).map(|name| KeyValue::new("host.name", name)));
    Resource::builder().with_service_name(config.otel_service_name.clone()).with_attributes(attributes).build()
}

/// Logs one line when the collector becomes unreachable and one when it is back. Spans that can't be sent are lost.
struct Watched {
    exporter: OtlpExporter,
    is_failing: AtomicBool,
}

impl SpanExporter for Watched {
    async fn export(&self, spans: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(spans).await;
        let failed_before = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failed_before => {
                tracing::warn!(%error, "traces can't be sent, and are lost until they can; check OTEL_EXPORTER_OTLP_ENDPOINT");
            }
            Ok(()) if failed_before => tracing::info!("traces are sent again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}
