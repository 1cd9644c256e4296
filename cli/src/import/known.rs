//! What is known of the services' credentials: under which names they stand,
//! and what they look like.

use axis_proto::v1::Service;
use regex::Regex;

use super::Certainty;

/// The services in force, as far as their credentials go.
pub struct Known {
    /// Those that are built in first: no other takes a name from them.
    services: Vec<KnownService>,
}

/// One service's credentials.
pub struct KnownService {
    /// The service.
    pub name: String,
    /// Whether a file of the owner's defines it.
    pub is_own: bool,
    /// The names under which they stand, the best first.
    pub ways: Vec<Way>,
    shape: Option<Regex>,
}

/// One way in which a credential stands somewhere.
pub struct Way {
    /// The names of its parts, which make it up with colons between them.
    pub names: Vec<String>,
    /// Whether it stands in a file of which the variable holds the path.
    pub is_file: bool,
}

impl Known {
    /// What axisd says of its services.
    pub fn of(services: &[Service]) -> Self {
        let mut services: Vec<_> = services.iter().map(KnownService::of).collect();
        services.sort_by_key(|service| service.is_own);
        Self { services }
    }

    /// All of them.
    pub fn services(&self) -> &[KnownService] {
        &self.services
    }

    /// The one of that name.
    pub fn service(&self, name: &str) -> Option<&KnownService> {
        let mut services = self.services.iter();
        services.find(|service| service.name.eq_ignore_ascii_case(name))
    }

    /// The one whose credentials look like this: the one that says most of it,
    /// where it says something.
    pub fn looking_like(&self, secret: &str) -> Option<&KnownService> {
        let matches = self
            .services
            .iter()
            .filter(|service| !service.is_own)
            .filter_map(|service| Some((service.shape.as_ref()?.find(secret)?.len(), service)));
        let (length, service) = matches.max_by_key(|(length, _)| *length)?;
        (length >= MIN_TELLING_BYTES).then_some(service)
    }
}

/// A beginning that is shorter tells nothing: JSON begins with a brace.
const MIN_TELLING_BYTES: usize = 3;

impl KnownService {
    fn of(service: &Service) -> Self {
        let ways = service.environment.iter().map(|way| {
            let names = way.strip_prefix('@').unwrap_or(way);
            Way {
                names: names.split(':').map(str::to_owned).collect(),
                is_file: names.len() < way.len(),
            }
        });
        let pattern = Some(service.credential_pattern.as_str()).filter(|it| !it.is_empty());
        Self {
            name: service.service.clone(),
            is_own: !service.file.is_empty(),
            ways: ways.collect(),
            shape: pattern.and_then(|pattern| Regex::new(pattern).ok()),
        }
    }

    /// Whether something looks like its credentials; unknown where it doesn't
    /// say what they look like.
    pub fn shape(&self, secret: &str) -> Option<bool> {
        self.shape.as_ref().map(|shape| shape.is_match(secret))
    }

    /// How sure it is of a name that is one of its own.
    pub fn certainty(&self) -> Certainty {
        if self.is_own {
            Certainty::Guessed
        } else {
            Certainty::Named
        }
    }
}
