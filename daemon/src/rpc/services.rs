//! The services in force as messages of admin.proto.

use std::path::Path;

use axis_proto::v1;
use bytes::Bytes;
use tonic::Status;

use crate::catalogue::Service;
use crate::owner::Owner;
use crate::seal::FileName;

/// The answer to ListServices.
pub fn list(owner: &Owner) -> v1::ListServicesResponse {
    let current = owner.broker.services.current();
    v1::ListServicesResponse {
        services: current
            .catalogue
            .services()
            .map(|service| message(owner, service, false))
            .collect(),
        faults: current
            .files
            .iter()
            .filter_map(|file| {
                let kept = file.service.as_ref().map(|kept| kept.name().to_string());
                Some(v1::ServiceFault {
                    path: file.path.display().to_string(),
                    error: file.error.as_ref()?.to_string(),
                    kept: kept.unwrap_or_default(),
                })
            })
            .collect(),
        directory: owner.broker.services.directory().display().to_string(),
        sealed: current.is_sealed,
        differing: owner
            .sealing
            .standing()
            .differences
            .iter()
            .filter(|file| matches!(file.name, FileName::Service(_)))
            .map(|file| file.path.display().to_string())
            .collect(),
    }
}

/// The answer to ShowService.
///
/// # Errors
/// An unknown service, with the nearest names.
pub fn show(owner: &Owner, name: &str) -> Result<v1::ShowServiceResponse, Status> {
    let catalogue = owner.broker.services.catalogue();
    let service = catalogue.service(name).ok_or_else(|| {
        let error = catalogue.unknown_service(name);
        Status::invalid_argument(format!("{error}{}", owner.unsealed_services()))
    })?;
    Ok(v1::ShowServiceResponse {
        credential_prompt: service.credential().prompt().to_owned(),
        service: Some(message(owner, service, true)),
    })
}

/// The answer to ValidateService.
pub fn validate(
    owner: &Owner,
    request: &v1::ValidateServiceRequest,
) -> v1::ValidateServiceResponse {
    let services = &owner.broker.services;
    match services.try_out(&request.text, Path::new(&request.origin)) {
        Ok(service) => v1::ValidateServiceResponse {
            service: Some(v1::Service {
                file: request.origin.clone(),
                ..message(owner, &service, false)
            }),
            error: None,
        },
        Err(error) => v1::ValidateServiceResponse {
            service: None,
            error: Some(error.to_string()),
        },
    }
}

fn message(owner: &Owner, service: &Service, with_params: bool) -> v1::Service {
    let current = owner.broker.services.current();
    let file = current.files.iter().find(|file| {
        let own = file.service.as_ref();
        own.is_some_and(|own| own.name() == service.name())
    });
    v1::Service {
        service: service.name().to_string(),
        title: service.title().to_owned(),
        base_url: service.base_text().to_owned(),
        host: service.destinations(),
        token_host: service.token_destination(),
        auth: service.auth().word().to_owned(),
        environment: service
            .credential()
            .environment()
            .iter()
            .map(|variables| variables.as_str().to_owned())
            .collect(),
        credential_pattern: service.credential().pattern().to_owned(),
        file: file.map_or_else(String::new, |file| file.path.display().to_string()),
        actions: service
            .actions()
            .map(|action| v1::ServiceAction {
                action: action.name().to_owned(),
                effect: action.effect().word().to_owned(),
                route: action.route(),
                params_schema: if with_params {
                    action.params_schema().to_owned().into()
                } else {
                    Bytes::new()
                },
                example: if with_params {
                    action.example().to_owned().into()
                } else {
                    Bytes::new()
                },
            })
            .collect(),
    }
}
