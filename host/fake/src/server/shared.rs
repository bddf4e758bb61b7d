//! What the server's tasks and the handle share.

use std::sync::Mutex;
use std::time::Instant;

use tokio::sync::watch;

use crate::deployment::Deployment;
use crate::faults::Faults;
use crate::lock::lock;
use crate::rate::Rates;
use crate::recorder::Recorder;
use crate::server::idempotency::Answers;
use crate::server::updates::Updates;
use crate::settings::Settings;

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) started: Instant,
    pub(crate) deployment: Mutex<Deployment>,
    pub(crate) recorder: Recorder,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) rates: Mutex<Rates>,
    pub(super) answers: Mutex<Answers>,
    pub(crate) updates: Mutex<Updates>,
    stop: watch::Sender<bool>,
    release: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            started: settings.clock.now().instant,
            deployment: Mutex::new(settings.deployment()),
            recorder: Recorder::new(settings.keep),
            faults: Mutex::new(settings.faults.clone()),
            rates: Mutex::new(settings.rates()),
            answers: Mutex::default(),
            updates: Mutex::default(),
            stop: watch::Sender::new(false),
            release: watch::Sender::new(()),
            settings,
        }
    }

    /// Back to the settings' own attributes and audiences, nothing else, and no request seen.
    pub(crate) fn reset(&self) {
        *lock(&self.deployment) = self.settings.deployment();
        *lock(&self.faults) = Faults::none();
        *lock(&self.rates) = self.settings.rates();
        *lock(&self.answers) = Answers::default();
        self.recorder.reset();
    }

    /// Lets go of all answers that are held now.
    pub(crate) fn release(&self) {
        self.release.send_replace(());
    }

    /// Comes back with the first release after this call.
    pub(crate) fn released(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut release = self.release.subscribe();
        async move {
            let _: Result<_, _> = release.changed().await;
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Comes back once the fake is told to stop.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the sender is gone, and the fake with it.
            let _: Result<_, _> = stop.wait_for(|stop| *stop).await;
        }
    }
}
