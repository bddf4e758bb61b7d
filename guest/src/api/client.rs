//! Asking one of the two APIs, each with its own key: again where that helps, within the config's retry budget, until there is the
//! answer that it documents.

use destination_toolkit::bindings::{Failure, Problem, ProblemKind};
use destination_toolkit::clock::Clock;
use destination_toolkit::delivery::{Backoff, Disposition, Refusal};
use destination_toolkit::http::error_body::with_error_body;
use destination_toolkit::http::{BodyReader, Connection, Incoming, Network, TransportError, TransportErrorKind};
use destination_toolkit::problem::{joined, problem};

use super::integration::IntegrationRequest;
use super::management::{self, ManagementRequest, PAGE_SIZE};
use super::object::Object;
use super::page::{self, Envelope, ReadFault};
use super::request::{Api, Looking, RequestKind};
use super::{message, response};
use crate::config::Config;

/// The Integration API, with its key.
pub(crate) struct Integration<'a>(Client<'a>);

/// The Management API, with its key.
pub(crate) struct Management<'a>(Client<'a>);

/// What reads the JSON object of an answer, with its status.
type Read<'r> = dyn FnMut(u16, &Object<'_>) -> Result<(), String> + 'r;

impl<'a> Integration<'a> {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn new(config: &'a Config, network: &'a mut dyn Network, clock: &'a mut dyn Clock) -> Self {
        Self(Client::new(config, Api::Integration, config.connection(), network, clock))
    }

    /// Ask, and read the JSON object that an answer of one of these statuses brings.
    ///
    /// # Errors
    /// There is no such answer.
    pub(crate) fn object(
        &mut self,
        request: &IntegrationRequest,
        statuses: &[u16],
        read: &mut Read<'_>,
    ) -> Result<(), Failure> {
        self.0.object(request.looking(), statuses, true, read)
    }

    /// The same, asked once: for what must not be done twice.
    ///
    /// # Errors
    /// There is no such answer; the request may have been carried out.
    pub(crate) fn object_once(
        &mut self,
        request: &IntegrationRequest,
        statuses: &[u16],
        read: &mut Read<'_>,
    ) -> Result<(), Failure> {
        self.0.object(request.looking(), statuses, false, read)
    }
}

impl<'a> Management<'a> {
    /// None without a key.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn new(config: &'a Config, network: &'a mut dyn Network, clock: &'a mut dyn Clock) -> Option<Self> {
        let connection = config.management_connection(config.management_key.as_ref()?);
        Some(Self(Client::new(config, Api::Management, connection, network, clock)))
    }

    /// Whether the key is taken: one small request, asked once.
    ///
    /// # Errors
    /// It is not, or nobody knows.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn try_key(&mut self) -> Result<(), Failure> {
        self.0.ask(management::attributes(1, 0).looking(), &[200], false, &mut |answer| {
            page::read(answer.body.as_mut(), &mut |element| Object::read(element).map(|_| ())).map(|_| ())
        })
    }

    /// All elements of a list, page by page; `request` makes the request for a page of some size, after so many elements. A page
    /// that breaks off is asked for again, so that an element may come twice.
    ///
    /// # Errors
    /// There is no whole list.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn pages(
        &mut self,
        request: &dyn Fn(usize, usize) -> ManagementRequest,
        each: &mut dyn FnMut(&Object<'_>) -> Result<(), String>,
    ) -> Result<(), Failure> {
        let mut skip = 0;
        let mut before = String::new();
        loop {
            let request = request(PAGE_SIZE, skip);
            let mut envelope = Envelope::default();
            let mut first = String::new();
            self.0.ask(request.looking(), &[200], true, &mut |answer| {
                first.clear();
                envelope = page::read(answer.body.as_mut(), &mut |element| {
                    if first.is_empty() {
                        first.push_str(element);
                    }
                    each(&Object::read(element)?)
                })?;
                Ok(())
            })?;
            let more = match envelope.more(skip, PAGE_SIZE) {
                // A server that does not heed where a page begins would be asked for ever.
                Ok(true) if first == before => Err("a page begins like the one before it".to_owned()),
                more => more,
            };
            if !more.map_err(|fault| self.0.not_documented(request.looking(), 200, &fault))? {
                return Ok(());
            }
            before = first;
            skip += envelope.count;
        }
    }

    /// Ask, and read the JSON object that an answer of one of these statuses brings.
    ///
    /// # Errors
    /// There is no such answer.
    pub(crate) fn object(
        &mut self,
        request: &ManagementRequest,
        statuses: &[u16],
        read: &mut Read<'_>,
    ) -> Result<(), Failure> {
        self.0.object(request.looking(), statuses, true, read)
    }

    /// Ask, and take an answer of one of these statuses as it comes.
    ///
    /// # Errors
    /// There is no such answer.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn open(
        &mut self,
        request: &ManagementRequest,
        statuses: &[u16],
    ) -> Result<(u16, Box<dyn BodyReader>), Failure> {
        let mut taken = None;
        self.0.ask(request.looking(), statuses, true, &mut |answer| {
            taken = Some((answer.status, std::mem::replace(&mut answer.body, Box::new(Taken))));
            Ok(())
        })?;
        taken.ok_or_else(no_answer)
    }

    /// What the reading of an answer of 200 ended with.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn failure(&self, request: &ManagementRequest, fault: ReadFault) -> Failure {
        self.0.read_fault(request.looking(), 200, fault).confirmed().err().unwrap_or_else(no_answer)
    }

    /// The time, by the engine's clock.
    pub(crate) fn clock(&mut self) -> &mut dyn Clock {
        self.0.clock
    }
}

/// In the place of a body that somebody has taken.
struct Taken;

impl BodyReader for Taken {
    fn read(&mut self, _at_most: usize) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(None)
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn no_answer() -> Failure {
    destination_toolkit::problem::internal("the answer was lost")
}

/// Whether it is a page of HTML: Talon.One sends none, whatever the status.
fn is_page(answer: &Incoming) -> bool {
    answer.headers.content_type.as_deref().is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
}

struct Client<'a> {
    config: &'a Config,
    api: Api,
    connection: Connection,
    network: &'a mut dyn Network,
    clock: &'a mut dyn Clock,
    backoff: Backoff,
}

impl<'a> Client<'a> {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn new(
        config: &'a Config,
        api: Api,
        connection: Connection,
        network: &'a mut dyn Network,
        clock: &'a mut dyn Clock,
    ) -> Self {
        let now = clock.now_ms();
        Self { config, api, connection, network, clock, backoff: Backoff::new(&config.retry, now, now) }
    }

    fn kind(&self, looking: &Looking) -> RequestKind {
        RequestKind::Looking(self.api, looking.endpoint)
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn object(&mut self, looking: &Looking, statuses: &[u16], again: bool, read: &mut Read<'_>) -> Result<(), Failure> {
        /// A profile with all that it may hold is far smaller.
        const LONGEST: usize = 4 * 1024 * 1024;
        self.ask(looking, statuses, again, &mut |answer| {
            let mut whole = Vec::new();
            while let Some(piece) = answer.body.read(page::PIECE).map_err(ReadFault::Broken)? {
                whole.extend_from_slice(&piece);
                if whole.len() > LONGEST {
                    return Err(ReadFault::Form(format!("it is longer than {LONGEST} bytes")));
                }
            }
            let text = str::from_utf8(&whole).map_err(|_| ReadFault::Form("it is not UTF-8".to_owned()))?;
            Object::read(text).and_then(|object| read(answer.status, &object)).map_err(ReadFault::Form)
        })
    }

    /// Ask until an answer of one of these statuses was read.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn ask(
        &mut self,
        looking: &Looking,
        statuses: &[u16],
        again: bool,
        read: &mut dyn FnMut(&mut Incoming) -> Result<(), ReadFault>,
    ) -> Result<(), Failure> {
        let mut attempts = 0;
        loop {
            let disposition = match self.network.open(&self.connection, &looking.request) {
                Ok(mut answer) if statuses.contains(&answer.status) && !is_page(&answer) => match read(&mut answer) {
                    Ok(()) => return Ok(()),
                    Err(fault) => self.read_fault(looking, answer.status, fault),
                },
                other => self.disposition(looking, other),
            };
            attempts += 1;
            match disposition {
                Disposition::Transient(problem) if again => self.backoff.wait(attempts, &problem, self.clock)?,
                Disposition::Refused(Refusal { status, error_body }) => {
                    let (method, path) = looking.endpoint;
                    let message = format!("Talon.One refused {} {path} (HTTP {status})", method.name());
                    let message = with_error_body(&message, &error_body, "");
                    let problem = problem(ProblemKind::Refused, message);
                    return Err(Failure::Permanent(Problem { status: Some(status), ..problem }));
                }
                other => return Err(other.confirmed().err().unwrap_or_else(no_answer)),
            }
        }
    }

    /// What another answer than those asked for means, or the lack of one.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn disposition(&mut self, looking: &Looking, answer: Result<Incoming, TransportError>) -> Disposition {
        let answer = answer.map(|answer| answer.collect(self.connection.request_timeout_ms, self.clock));
        let now = self.clock.unix_seconds();
        response::disposition(answer, self.config, self.kind(looking), now)
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn read_fault(&self, looking: &Looking, status: u16, fault: ReadFault) -> Disposition {
        match fault {
            ReadFault::Broken(TransportError { kind, detail }) => {
                let detail = joined(": ", &["truncated response", &detail]);
                // What broke off once may come whole: the head was there, so that nothing forbids it.
                let kind = if kind == TransportErrorKind::Denied { TransportErrorKind::Reset } else { kind };
                response::of_transport_error(self.config, self.kind(looking), &TransportError { kind, detail })
            }
            ReadFault::Form(fault) => match self.not_documented(looking, status, &fault) {
                Failure::Permanent(problem) | Failure::Transient(problem) => Disposition::Permanent(problem),
                Failure::ExecutionFailed => Disposition::Accepted(Vec::new()),
            },
        }
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn not_documented(&self, looking: &Looking, status: u16, fault: &str) -> Failure {
        let (method, path) = looking.endpoint;
        let message = format!(
            "{} answered {} {path} with something else than Talon.One documents",
            self.config.deployment_url,
            method.name()
        );
        let message = joined("; ", &[&joined(": ", &[&message, &self.config.scrub(fault)]), message::check_address()]);
        Failure::Permanent(Problem { status: Some(status), ..problem(ProblemKind::Server, message) })
    }
}

/// The failure of a call that needs a key which the config does not have.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn no_management_key(what: &str) -> Failure {
    destination_toolkit::problem::configuration(format!(
        "management_key is missing: {what}; create a Management API key in the Campaign Manager under Account > Management API Keys"
    ))
}

/// The limits of the Management API's endpoints.
pub(crate) fn endpoints() -> impl Iterator<Item = (&'static str, &'static str)> {
    management::ENDPOINTS.into_iter().map(|(method, path)| (method.name(), path))
}
